"""The commands of `tumbler`: what they take, and how they are worded. What they do is in the modules above."""
