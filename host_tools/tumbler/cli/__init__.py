"""The commands of `tumbler`: their options, and how they word what the packages below return."""
