"""What is handed to strangers: the verifier that needs nothing of this product."""
