"""Compares PDF files with PDF/A-2b (ISO 19005-2) as pdf_oxide has it: a line for each file, `valid` or what is wrong.

A warning counts as an error, apart from the one that annotations were not looked at page by page.
"""

import sys

from pdf_oxide import PdfDocument

NOT_LOOKED_AT = "Full annotation validation requires page-level access"
wrong = 0
for path in sys.argv[1:]:
    found = PdfDocument(path).validate_pdf_a("2b")
    said = found["errors"] + [warning for warning in found["warnings"] if NOT_LOOKED_AT not in warning]
    wrong += bool(said) or not found["valid"]
    print("; ".join(said) or ("valid" if found["valid"] else "not valid"))
sys.exit(1 if wrong else 0)
