"""What the three HTTP services have in common: how they answer, how they refuse, what they let
in."""
