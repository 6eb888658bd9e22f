from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"

    def ready(self) -> None:
        from audit.reviews import open_reviews_of
        from audit.services import TOPIC
        from audit.verification import recompute
        from chain import topics

        topics.register(TOPIC, recompute=recompute)
        topics.register_mismatch(open_reviews_of)
