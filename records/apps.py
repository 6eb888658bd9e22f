from django.apps import AppConfig


class RecordsConfig(AppConfig):
    name = "records"

    def ready(self) -> None:
        from chain import topics
        from consent import trail
        from records.services.storing import TOPIC
        from records.verification import recompute
        from records.words import say_versions

        topics.register(TOPIC, recompute=recompute)
        trail.register_versions(say_versions)
