"""The rules: metadata in ``info.py``, one module for each mechanism of judging."""
