from django.apps import AppConfig


class RecordsConfig(AppConfig):
    name = "records"

    def ready(self) -> None:
        from chain import topics
        from records.services.storing import TOPIC
        from records.verification import recompute

        topics.register(TOPIC, recompute=recompute)
