"""What enumerations, classes with fields and classes with slots need besides."""
