"""A live class becomes what its statement says: members in place, bases, or made again."""
