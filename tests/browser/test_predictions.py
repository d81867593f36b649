"""A prediction of a notebook, clicked on as in JupyterLab."""

from playwright.sync_api import Browser, expect

from cqrs_demo.tooling.workshop.predict import predict


def test_a_click_is_answered_and_the_first_one_is_recorded(chromium: Browser) -> None:
    # Given two questions of a notebook on a page that can remember
    page = chromium.new_page()
    page.route("http://page/", lambda route: route.fulfill(body="", content_type="text/html"))
    page.goto("http://page/")
    asked = [predict(name)._repr_mimebundle_()["text/html"] for name in ("01.1", "01.2")]
    page.set_content("".join(asked))
    first, second = (page.locator(f"[data-prediction='{name}']") for name in ("01.1", "01.2"))
    expect(first.get_by_text("unique index")).to_be_hidden()

    # When somebody clicks on a wrong choice, and then on the right one
    first.get_by_role("button", name="eight").click()
    expect(first).to_contain_text("✘ You said: eight. It is: one.")
    expect(first.get_by_text("unique index")).to_be_visible()
    first.get_by_role("button", name="one", exact=True).click()
    expect(first.get_by_text("✔ You said: one. So it is.")).to_be_visible()

    # Then the first choice is what counts
    expect(first).to_contain_text("0 of 1 came true")

    # And the next question of the notebook counts too
    second.get_by_role("button", name="one", exact=True).click()
    expect(second).to_contain_text("1 of 2 came true")
