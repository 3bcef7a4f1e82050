"""What is loaded: modules, their files, and what they have to do with each other."""
