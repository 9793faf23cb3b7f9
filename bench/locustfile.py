"""What Locust does where there is no wrk: ask for the page, again and again."""

from load import HOST
from locust import FastHttpUser, task


class Reader(FastHttpUser):
    """A browser that never waits."""

    @task
    def page(self) -> None:
        """Ask for the page."""
        self.client.get("/", headers={"Host": HOST})
