"""Invoices, settlement and reconciliation."""
