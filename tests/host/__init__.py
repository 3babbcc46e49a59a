"""The owner's tools; folders and files as in host_tools/tumbler."""
