"""
References of every version instead of the latest only, and whether a record inherits through them.

Those that are here belong to the latest version. The index finds what nobody has classified yet.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("records", "0002_mark_sensitive_records")]

    operations = [
        migrations.AddIndex(
            model_name="record",
            index=models.Index(
                condition=models.Q(("sensitivities", None)),
                fields=["source", "patient"],
                name="unclassified_records",
            ),
        ),
        migrations.AddField(
            model_name="recordreference",
            name="number",
            field=models.PositiveIntegerField(db_default=1),
        ),
        migrations.AddField(
            model_name="recordreference",
            name="inherits",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunSQL(
            "UPDATE records_recordreference SET number = latest_version FROM records_record"
            " WHERE records_record.id = record_id AND number <> latest_version",
            migrations.RunSQL.noop,
        ),
        migrations.RemoveConstraint(model_name="recordreference", name="one_reference_a_pointer"),
        migrations.AddConstraint(
            model_name="recordreference",
            constraint=models.UniqueConstraint(
                fields=("record", "number", "pointer"), name="one_reference_a_pointer"
            ),
        ),
    ]
