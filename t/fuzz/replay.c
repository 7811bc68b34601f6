
/*
 * Runs a fuzz target over the files named on the command line, without the
 * fuzzer: so that what it once found is tried again by every "make test", with
 * any compiler.
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static int replay(const char *path);


int
main(int argc, char **argv)
{
    int  i;

    for (i = 1; i < argc; i++) {

        /* Before it runs: a crash leaves the name of its input behind. */

        printf("# %s\n", argv[i]);
        fflush(stdout);

        if (replay(argv[i]) != 0) {
            perror(argv[i]);
            return 1;
        }
    }

    return 0;
}


static int
replay(const char *path)
{
    int       rc;
    FILE     *file;
    long      length;
    size_t    size;
    uint8_t  *data;

    rc = -1;
    data = NULL;

    file = fopen(path, "rb");
    if (file == NULL) {
        return -1;
    }

    if (fseek(file, 0, SEEK_END) != 0) {
        goto done;
    }

    length = ftell(file);

    if (length < 0 || fseek(file, 0, SEEK_SET) != 0) {
        goto done;
    }

    /* The exact size: a read past the end is ASan's to see. */

    size = (size_t) length;

    data = malloc(size);

    if (data == NULL && size != 0) {
        goto done;
    }

    if (fread(data, 1, size, file) != size) {
        goto done;
    }

    (void) LLVMFuzzerTestOneInput(data, size);

    rc = 0;

done:

    free(data);
    fclose(file);

    return rc;
}
