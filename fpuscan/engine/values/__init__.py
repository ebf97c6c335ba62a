"""What values may be: the bits of masks, the content of memory, the origin of sizes."""
