"""Storage: checkpoints in folders and on the Hugging Face Hub, read without trusting them."""
