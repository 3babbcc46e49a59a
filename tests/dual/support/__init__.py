"""What these tests share: a lock in a directory, clients of its link, attackers."""
