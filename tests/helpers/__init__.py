"""What tests of several packages share: small models and runs, videos, and known answers."""
