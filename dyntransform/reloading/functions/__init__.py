"""New code for live functions: closures, forwarding, annotations, registrations."""
