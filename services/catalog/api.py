"""The commands of the catalog over HTTP, and the taxonomy of processes, which anybody may read."""

from datetime import date
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StrictFloat, StrictInt

from libs.contracts import catalog
from libs.contracts.values import PartyKind
from libs.service.commands import Body, Commanded, Imported, answers
from services.catalog import domain, handlers

router = APIRouter(tags=["catalog"])


class RegisterParty(Body):
    """A party of the caller's kind."""

    kind: PartyKind
    name: str


class RenameParty(Body):
    """Another name."""

    name: str


class RegisterSite(Body):
    """A place; coordinates are WGS 84 degrees, the time zone is an IANA name."""

    name: str
    municipality: str
    latitude: StrictFloat
    longitude: StrictFloat
    time_zone: str

    def to_domain(self) -> domain.Site:
        return domain.Site(self.name, self.municipality, self.latitude, self.longitude, self.time_zone)


class PriceBody(Body):
    """Minor units of an ISO 4217 currency, for one piece."""

    amount: StrictInt
    currency: str = "EUR"


class VariantBody(Body):
    """A size or colour form."""

    sku: str
    label: str


class OperationBody(Body):
    """One step of the routing: minutes once for a lot, and for each piece."""

    process: str
    setup_minutes: StrictInt
    run_minutes: StrictInt


class RegisterProduct(Body):
    """What is sold and how it is made."""

    name: str
    description: str = ""
    price: PriceBody
    variants: list[VariantBody]
    routing: list[OperationBody]

    def to_domain(self) -> domain.Product:
        return domain.Product(
            self.name,
            self.description,
            self.price.amount,
            self.price.currency,
            tuple(domain.Variant(**variant.model_dump()) for variant in self.variants),
            tuple(domain.Operation(**operation.model_dump()) for operation in self.routing),
        )


class RegisterQualification(Body):
    """Evidence of a scheme: who gave it, where it can be seen, the first and the last day on which it counts."""

    scheme: str
    issuer: str
    evidence_url: str
    valid_from: date
    valid_until: date


class ImportedSiteBody(RegisterSite):
    """A site with the id it keeps."""

    id: UUID


class ImportedPartyBody(Body):
    """A party with the id it keeps, and its sites."""

    id: UUID
    kind: PartyKind
    name: str
    sites: list[ImportedSiteBody] = Field(default=[])

    def to_domain(self) -> domain.ImportedParty:
        sites = tuple(domain.ImportedSite(site.id, site.to_domain()) for site in self.sites)
        return domain.ImportedParty(self.id, self.kind, self.name, sites)


class ImportParties(Body):
    """A hub's list."""

    parties: list[ImportedPartyBody]


@router.post("/parties", **answers(catalog.Party, 201))
async def register_party(body: RegisterParty, command: Commanded) -> Response:
    """Make the caller's party known; its id is the token's."""
    return await command.run(
        lambda session: handlers.register_party(session, command.caller, body.kind, body.name), 201
    )


@router.post("/parties/rename", **answers(catalog.Party))
async def rename_party(body: RenameParty, command: Commanded) -> Response:
    """Give the caller's party another name."""
    return await command.run(lambda session: handlers.rename_party(session, command.caller, body.name))


@router.post("/sites", **answers(catalog.Site, 201))
async def register_site(body: RegisterSite, command: Commanded) -> Response:
    """Open a site of the caller's party."""
    return await command.run(lambda session: handlers.register_site(session, command.caller, body.to_domain()), 201)


@router.post("/products", **answers(catalog.Product, 201))
async def register_product(body: RegisterProduct, command: Commanded) -> Response:
    """Offer a product made to order; for brands."""
    return await command.run(lambda session: handlers.register_product(session, command.caller, body.to_domain()), 201)


@router.post("/products/{product_id}/withdraw", **answers(catalog.Product))
async def withdraw_product(product_id: UUID, command: Commanded) -> Response:
    """Offer a product no longer; orders already placed go on."""
    return await command.run(lambda session: handlers.withdraw_product(session, command.caller, product_id))


@router.post("/qualifications", **answers(catalog.Qualification, 201))
async def register_qualification(body: RegisterQualification, command: Commanded) -> Response:
    """Show a qualification, for workshops and labs; it counts on the days of production."""
    asked = domain.Qualification(**dict(body))
    return await command.run(lambda session: handlers.register_qualification(session, command.caller, asked), 201)


@router.post("/qualifications/{qualification_id}/withdraw", **answers(catalog.Qualification))
async def withdraw_qualification(qualification_id: UUID, command: Commanded) -> Response:
    """Let a qualification count no more, from now on."""
    return await command.run(lambda session: handlers.withdraw_qualification(session, command.caller, qualification_id))


@router.post("/imports/parties", **answers(Imported))
async def import_parties(body: ImportParties, command: Commanded) -> Response:
    """Take over a hub's list of parties and their sites; those already known are left as they are."""
    asked = [party.to_domain() for party in body.parties]
    return await command.run(lambda session: handlers.import_parties(session, command.caller, asked))


@router.get("/processes")
async def processes() -> list[domain.Process]:
    """The taxonomy of processes, by trade."""
    return list(domain.PROCESSES.values())
