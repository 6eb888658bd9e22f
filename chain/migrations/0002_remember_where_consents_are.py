from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chain", "0001_lay_out_the_log")]

    operations = [
        migrations.AddField(
            model_name="deployment",
            name="consent_registry",
            field=models.CharField(blank=True, default="", max_length=42),
        ),
        migrations.AddField(
            model_name="deployment",
            name="consent_verifier",
            field=models.CharField(blank=True, default="", max_length=42),
        ),
        migrations.AlterField(
            model_name="deployment",
            name="record_log",
            field=models.CharField(blank=True, default="", max_length=42),
        ),
        migrations.AlterField(
            model_name="deployment",
            name="registry",
            field=models.CharField(blank=True, default="", max_length=42),
        ),
    ]
