"""What a device decides: policies, and who asks them token by token."""
