"""What the boot code leaves in the configuration objects, and who reads that."""
