"""Masks as functions of definitions, and whether one is a subset of another."""
