"""What an officer with the database's own password can do: change bytes behind the portal's back."""

from django.db import connection


def change_in_database(table, column, row_id, change):
    """Apply `change` to one column's bytes with the triggers off, as the owner of a table can."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(f"SELECT {column} FROM {table} WHERE id = %s", [row_id])  # noqa: S608 - names from tests
        (value,) = cursor.fetchone()
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [change(value), row_id])  # noqa: S608
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def one_byte_changed(value):
    value = bytearray(value)
    value[len(value) // 2] ^= 1
    return bytes(value)
