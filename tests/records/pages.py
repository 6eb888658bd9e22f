"""Reading pages of the record as a browser would."""

from django.urls import reverse


def page(client, name, *args, **query):
    return client.get(reverse(f"records:{name}", args=args), query)


def words(response):
    return response.content.decode()
