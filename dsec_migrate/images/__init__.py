"""What each image reads from files, with the evidence."""
