import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="record",
            name="sensitivities",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BinaryField(max_length=16), null=True, size=None
            ),
        ),
    ]
