"""Closed-loop referrals between hospitals."""
