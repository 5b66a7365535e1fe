"""The shared language: one normalized contents model that every dialect and every adapter speaks."""
