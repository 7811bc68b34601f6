#!/usr/bin/python3

"""Asks the gateway with urllib3, told to repeat what fails three times.

    repeat.py URL KEY BODY

What was answered is printed.
"""

import sys

import urllib3

url, key, body = sys.argv[1:]

retries = urllib3.Retry(
    total=3,
    allowed_methods=None,
    status_forcelist=(500, 502, 503, 504),
    raise_on_status=False,
)

answer = urllib3.PoolManager().request(
    'POST', url, body=body.encode(), retries=retries,
    headers={'Content-Type': 'application/json',
             'Authorization': 'Bearer ' + key},
)

sys.stdout.buffer.write(answer.data)
