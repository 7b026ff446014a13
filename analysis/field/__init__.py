"""All methods of the field on one trace: ``docs/field.md``."""
