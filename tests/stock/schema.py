#!/usr/bin/env python3
"""Check files against JSON Schema (draft 2020-12).

usage: schema.py SCHEMA FILE...

Prints a line for each file: its path, a tab, and `ok` or what is wrong.
"""
import json, sys
from jsonschema import Draft202012Validator

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for path in sys.argv[2:]:
    try:
        with open(path, encoding="utf-8") as file:
            errors = sorted(error.message[:200] for error in validator.iter_errors(json.load(file)))
        print(f"{path}\t{'; '.join(errors).replace(chr(10), ' ') or 'ok'}")
    except ValueError as error:
        print(f"{path}\t{error}")
