"""Between scan and report: which findings are known, ignored or new, and the source lines that reports quote."""
