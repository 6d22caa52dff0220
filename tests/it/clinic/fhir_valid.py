"""Compares resources, one JSON document a line, with the structures of FHIR R4 (4.0.1) as fhir.resources has them."""

import json
import sys

import fhir.resources
from fhir.resources import construct_fhir_element

assert fhir.resources.__fhir_version__ == "4.0.1"
wrong = 0
for line in sys.stdin:
    document = json.loads(line)
    kind = document["resourceType"]
    try:
        construct_fhir_element(kind, document)
        print("valid", kind)
    except Exception as error:  # whatever it is: the document is wrong
        wrong += 1
        print("wrong", kind, error)
sys.exit(1 if wrong else 0)
