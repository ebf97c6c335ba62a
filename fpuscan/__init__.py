"""Find every guest FPU default that reaches the user ABI of a Linux kernel tree."""

__version__ = "0.1.0"
