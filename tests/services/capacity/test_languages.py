"""What capacity refuses is told in the language that is asked for; what it keeps is not."""

from typing import Any
from uuid import UUID

import httpx

from libs.kit.ids import new_id
from libs.kit.testing import headers
from services.capacity.domain.offer import Resource
from tests.services.capacity.rows import HEAD, ROW, a_table
from tests.services.capacity.world import day

ITALIAN = {"Accept-Language": "it, en;q=0.5"}


async def told(api: httpx.AsyncClient, path: str, sent: dict[str, str], **body: Any) -> list[dict[str, Any]]:
    """The answers in English and in Italian."""
    answers = [await api.post(path, headers=sent | language, **body) for language in ({}, ITALIAN)]
    assert [answer.headers["content-language"] for answer in answers] == ["en", "it"]
    return [answer.json() for answer in answers]


async def test_a_report_tells_in_the_language_of_who_reads_it_why_rows_were_refused(
    api: httpx.AsyncClient, site: tuple[UUID, UUID]
) -> None:
    """It is kept once: whoever asks again under the same key, in another language, reads the same in that one."""
    workshop, at = site
    strange = ROW.format(reference="X", site=new_id(), name="X")
    late = ROW.format(reference="Y", site=at, name="Y").replace("08:00-12:00", "late")
    sent = headers(workshop, "workshop", str(new_id()))
    english, italian = await told(api, "/bulk/resources.csv", sent, content=a_table(strange, late))
    again = await api.post("/bulk/resources.csv", headers=sent | ITALIAN, content=a_table(strange, late))
    assert (again.json(), again.headers["idempotent-replay"]) == (italian, "true")
    assert [line["errors"][0]["message"] for line in english["lines"]] == [
        "is no site of this workshop's; if it was registered just now, send this again",
        "'Mon-Fri late 13:00-17:00' is not understood; write e.g. Mon-Fri 08:00-12:00 13:00-17:00; Sat 08:00-12:00",
    ]
    assert [line["errors"][0]["message"] for line in italian["lines"]] == [
        "non è una sede di questo laboratorio; se è stata appena registrata, invia di nuovo",
        "'Mon-Fri late 13:00-17:00' non è riconosciuto; scrivi p. es. Lun-Ven 08:00-12:00 13:00-17:00; Sab 08:00-12:00",
    ]
    assert [line | {"errors": []} for line in english["lines"]] == [line | {"errors": []} for line in italian["lines"]]


async def test_a_faulty_file_is_told_so_too(api: httpx.AsyncClient, site: tuple[UUID, UUID]) -> None:
    sent = headers(site[0], "workshop", str(new_id()))
    _, italian = await told(api, "/bulk/resources.csv", sent, content=a_table(head=f"{HEAD},colour"))
    assert (italian["code"], italian["detail"]) == (
        "FAULTY_FILE",
        "Non è cambiato niente. Correggi il file e invialo di nuovo.",
    )
    assert italian["errors"] == [{"path": "line 1", "message": "ha una colonna sconosciuta, 'colour'"}]


async def test_a_rule_of_the_domain_is_told_with_its_values(api: httpx.AsyncClient, bench: Resource) -> None:
    asked = {"resource_id": str(bench.id), "day": str(day(30)), "quantity": 100_000}
    sent = headers(new_id(), "brand", str(new_id()))
    english, italian = await told(api, "/holds", sent, json={"allocations": [asked], "seconds": 60})
    assert (english["code"], italian["code"]) == ("NO_CAPACITY", "NO_CAPACITY")
    assert (
        english["detail"]
        == f"Bench has 480 minutes free on {day(30)}; 100000 were asked for: take less, or another day."
    )
    assert (
        italian["detail"]
        == f"Bench ha 480 minuti liberi il {day(30)}; ne sono stati chiesti 100000: prendine meno, o un altro giorno."
    )


async def test_what_a_body_has_wrong_is_told_in_italian(api: httpx.AsyncClient) -> None:
    sent = headers(new_id(), "brand", str(new_id()))
    _, italian = await told(api, "/holds", sent, json={"allocations": [], "second": 1})
    assert {fault["path"]: fault["message"] for fault in italian["errors"]} == {
        "allocations": "deve avere almeno un elemento, non 0",
        "second": "qui non è conosciuto; è scritto male?",
    }
