from django.apps import AppConfig


class EhrportalConfig(AppConfig):
    name = "ehrportal"
