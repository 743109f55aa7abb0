"""What an image reads from files, with the evidence."""
