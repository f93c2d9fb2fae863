"""A small drafter for the scene model's descriptions, a router that judges its drafts, a narrow code for image tokens."""
