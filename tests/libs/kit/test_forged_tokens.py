"""Tokens that somebody has tampered with are refused, under each kind of algorithm an issuer may pin.

The faults are those of Project Wycheproof's testvectors_v1/json_web_signature_test.json (C2SP/wycheproof, Apache-2.0),
made here with keys of our own, so that nothing but the fault is wrong with a token.
"""

import base64
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from libs.kit.auth import Verifier
from libs.kit.clock import SystemClock
from libs.kit.errors import Unauthenticated
from libs.kit.ids import new_id
from libs.kit.settings import Settings

ALGORITHMS = ("Ed25519", "ES256", "RS256", "PS256")
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of the curve P-256."""
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
"""What goes before the hash in a signature of RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 9.2)."""


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(**more: Any) -> dict[str, Any]:
    soon = int(time.time()) + 600
    return {
        "iss": "filiera-dev",
        "aud": "filiera",
        "sub": "x",
        "exp": soon,
        "party": str(new_id()),
        "role": "brand",
    } | more


@dataclass
class Issuer:
    """Somebody whom we trust, with one key."""

    algorithm: str
    key: Any
    verifier: Verifier

    def sign(self, header: dict[str, Any] | None = None, payload: dict[str, Any] | None = None) -> str:
        """A token; nothing is wrong with it but what is given."""
        head = {"alg": self.algorithm, "kid": "k", "typ": "JWT"} | (header or {})
        return self.sign_text(
            f"{encoded({k: v for k, v in head.items() if v is not None})}.{encoded(payload or claims())}"
        )

    def sign_text(self, text: str) -> str:
        """A token of these two parts, whatever they hold."""
        algorithm = jws.JWSRegistry(algorithms=[self.algorithm]).get_alg(self.algorithm)
        return f"{text}.{encoded(algorithm.sign(text.encode(), self.key))}"

    async def accepts(self, token: str) -> bool:
        try:
            await self.verifier.principal(f"Bearer {token}")
        except Unauthenticated:
            return False
        return True


def published(folder: Path, algorithm: str, key: Any, **more: Any) -> Issuer:
    """An issuer whose key we know as it publishes it, with `more` about its use."""
    jwks = folder / "jwks.json"
    jwks.write_text(json.dumps({"keys": [key.as_dict(private=False) | {"kid": "k"} | more]}))
    made = Verifier(Settings(service="probe", jwks=str(jwks), jwt_algorithm=algorithm), SystemClock())
    return Issuer(algorithm, key, made)


def a_key(algorithm: str) -> Any:
    match algorithm:
        case "Ed25519":
            return OKPKey.generate_key("Ed25519")
        case "ES256":
            return ECKey.generate_key("P-256")
    return RSAKey.generate_key(2048)


KEYS = {algorithm: a_key(algorithm) for algorithm in ALGORITHMS}


@pytest.fixture(params=ALGORITHMS)
def issuer(request: pytest.FixtureRequest, tmp_path: Path) -> Issuer:
    return published(tmp_path, request.param, KEYS[request.param])


CHANGES = {
    "rejectsModifiedSignature": "{h}.{p}.{flipped}",
    "rejectsMissingSignature": "{h}.{p}.",
    "rejectsMissingSignatureAndSeparator": "{h}.{p}",
    "rejectsModifiedPayload": "{h}.{another_role}.{s}",
    "rejectsMissingPayload": "{h}..{s}",
    "rejectsMissingPayloadAndSeparator": "{h}.{s}",
    "rejectsModifiedHeader": "{another_type}.{p}.{s}",
    "rejectsMissingHeader": ".{p}.{s}",
    "rejectsMissingHeaderAndSeparator": "{p}.{s}",
    "rejectsMissingHeaderAndSignature": ".{p}.",
    "rejectsMissingHeaderSignatureAndSeparators": "{p}",
    "rejectsEmptyString": "",
    "rejectsExtraEmptyComponent": "{h}.{p}.{s}.",
    "rejectsExtraComponent": "{h}.{p}.{s}.{s}",
    "rejectsValidJsonSerialization": '{{"payload": "{p}", "signatures": [{{"protected": "{h}", "signature": "{s}"}}]}}',
    "rejectsSpacesInMac": "{h}.{p}.  {s}",
    "rejectsInvalidCharacterInsertedInMac": "{h}.{p}.?{s}",
    "spacesInHeader": "{h} .{p}.{s}",
    "invalidCharactersInHeader": "{h}####.{p}.{s}",
    "invalidBase64Padding": "{h}.{p}.{s}==",
    "spacesInPayload": "{h}.{p} .{s}",
    "invalidCharactersInPayload": "{h}.?{p}.{s}",
    "invalidBase64PaddingInPayload": "{h}.{p}=.{s}",
    "SignatureIs0": "{h}.{p}.{zeros}",
    "prependingZerosToSignature": "{h}.{p}.{before}",
    "appendingZerosToSignature": "{h}.{p}.{after}",
    "truncatedSignature": "{h}.{p}.{shorter}",
    "SignatureTooLong": "{h}.{p}.{twice}",
}


def changed(token: str, fault: str) -> str:
    head, payload, signature = token.split(".")
    raw = decoded(signature)
    made = {"zeros": bytes(len(raw)), "before": bytes(2) + raw, "after": raw + bytes(2), "twice": raw + raw}
    made |= {"flipped": bytes([raw[0] ^ 1]) + raw[1:], "shorter": raw[:-1]}
    made |= {"another_role": decoded(payload).replace(b"brand", b"hub")}
    made |= {"another_type": decoded(head).replace(b"JWT", b"jwt")}
    return CHANGES[fault].format(
        h=head, p=payload, s=signature, **{name: encoded(value) for name, value in made.items()}
    )


async def test_nothing_is_wrong_with_a_token_that_nobody_has_touched(issuer: Issuer) -> None:
    assert await issuer.accepts(issuer.sign())


@pytest.mark.parametrize("fault", CHANGES)
async def test_a_token_that_was_changed_is_refused(issuer: Issuer, fault: str) -> None:
    assert not await issuer.accepts(changed(issuer.sign(), fault))


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("junk", [" ", "?", "=", "#", "\n", "é", "\0"])
async def test_a_part_in_bad_base64_is_refused_even_if_it_was_signed_so(issuer: Issuer, part: int, junk: str) -> None:
    parts = issuer.sign().split(".")[:2]
    parts[part] = f"{parts[part][:6]}{junk}{parts[part][6:]}"
    assert not await issuer.accepts(issuer.sign_text(".".join(parts)))


async def test_a_token_signed_by_nobody_is_refused(issuer: Issuer) -> None:
    for alg in ("none", "None", "NONE", "nOnE", ""):
        text = f"{encoded({'alg': alg, 'kid': 'k'})}.{encoded(claims())}"
        for signature in ("", ".", f".{issuer.sign().rpartition('.')[2]}"):
            assert not await issuer.accepts(text + signature)


def secrets(key: Any) -> list[bytes]:
    """What a verifier may take for the secret of an HMAC: the public key in every form it has."""
    public = key.public_key
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return [pem, pem.strip(), der, json.dumps(key.as_dict(private=False)).encode()]


async def test_the_public_key_is_no_secret_of_an_hmac(issuer: Issuer) -> None:
    for secret in secrets(issuer.key):
        for alg, hashing in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
            text = f"{encoded({'alg': alg, 'kid': 'k'})}.{encoded(claims())}"
            mac = hmac.digest(secret, text.encode(), hashing)
            assert not await issuer.accepts(f"{text}.{encoded(mac)}")


async def test_another_algorithm_of_the_same_key_is_refused(tmp_path: Path) -> None:
    key = RSAKey.generate_key(2048)
    for pinned, used in (("RS256", "PS256"), ("PS256", "RS256"), ("RS256", "RS512"), ("PS512", "PS384")):
        issuer = published(tmp_path, pinned, key)
        other = Issuer(used, key, issuer.verifier)
        assert await issuer.accepts(issuer.sign())
        assert not await issuer.accepts(other.sign())
        assert not await issuer.accepts(other.sign({"alg": pinned}))


async def test_an_ed25519_issuer_does_not_take_the_old_name_of_its_algorithm(tmp_path: Path) -> None:
    issuer = published(tmp_path, "Ed25519", KEYS["Ed25519"])
    assert not await issuer.accepts(issuer.sign({"alg": "EdDSA"}))


async def test_a_key_that_the_token_brings_is_not_used(issuer: Issuer) -> None:
    attacker = Issuer(issuer.algorithm, a_key(issuer.algorithm), issuer.verifier)
    brought = attacker.key.as_dict(private=False) | {"kid": "k"}
    for header in ({"jwk": brought}, {"jku": "https://evil.example"}, {"x5u": "https://evil.example"}, {"x5c": ["MA"]}):
        for signer in (attacker, issuer):
            assert not await issuer.accepts(signer.sign(header))


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"crit": []}, {"crit": "x"}])
async def test_what_must_be_understood_is_not(issuer: Issuer, header: dict[str, Any]) -> None:
    assert not await issuer.accepts(issuer.sign(header))


@pytest.mark.parametrize(
    ("typ", "good"),
    [("JWT", True), ("jwt", True), ("at+jwt", True), ("application/at+JWT", True), (None, True)]
    + [(typ, False) for typ in ("logout+jwt", "dpop+jwt", "JOSE", "", 7, ["JWT"], {"a": 1})],
)
async def test_only_tokens_of_access_are_taken(issuer: Issuer, typ: Any, good: bool) -> None:
    assert await issuer.accepts(issuer.sign({"typ": typ})) == good


@pytest.mark.parametrize("kid", [None, "", "K", "k ", 7, ["k"], {"kid": "k"}, "../k", "k" * 4_000])
async def test_a_key_is_chosen_by_its_exact_name(issuer: Issuer, kid: Any) -> None:
    assert not await issuer.accepts(issuer.sign({"kid": kid}))


@pytest.mark.parametrize("use", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": ["sign"]}, {"alg": "HS256"}])
async def test_a_key_for_something_else_verifies_nothing(tmp_path: Path, use: dict[str, Any]) -> None:
    issuer = published(tmp_path, "ES256", KEYS["ES256"], **use)
    other = a_key("ES256").as_dict(private=False) | {"kid": "other"}
    document = json.loads((tmp_path / "jwks.json").read_text())
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [*document["keys"], other]}))
    with pytest.raises(Unauthenticated, match="no such key"):
        await issuer.verifier.principal(f"Bearer {issuer.sign()}")


async def test_a_subject_and_a_token_have_an_end(issuer: Issuer) -> None:
    assert await issuer.accepts(issuer.sign(payload=claims(sub="x" * 255)))
    assert not await issuer.accepts(issuer.sign(payload=claims(sub="x" * 256)))
    with pytest.raises(Unauthenticated, match="longer than 8192"):
        await issuer.verifier.principal(f"Bearer {issuer.sign(payload=claims(more='x' * 8_000))}")


async def test_extreme_numbers_are_no_signature_of_es256(tmp_path: Path) -> None:
    issuer = published(tmp_path, "ES256", KEYS["ES256"])
    head, payload, good = issuer.sign().split(".")
    r, s = (int.from_bytes(half, "big") for half in (decoded(good)[:32], decoded(good)[32:]))
    extremes = [(a, b) for a in (0, 1, _N - 1, _N, 2**256 - 1) for b in (0, 1, _N - 1, _N, 2**256 - 1)]
    for a, b in [*extremes, (r, 0), (0, s), (r, 2**256 - 1), (s, r)]:
        raw = a.to_bytes(32, "big") + b.to_bytes(32, "big")
        assert not await issuer.accepts(f"{head}.{payload}.{encoded(raw)}"), (a, b)
    wider = b"\0" + r.to_bytes(32, "big") + b"\0" + s.to_bytes(32, "big")
    assert not await issuer.accepts(f"{head}.{payload}.{encoded(wider)}")
    private: ec.EllipticCurvePrivateKey = issuer.key.private_key
    der = private.sign(f"{head}.{payload}".encode(), ec.ECDSA(hashes.SHA256()))
    assert decode_dss_signature(der)
    assert not await issuer.accepts(f"{head}.{payload}.{encoded(der)}")


def raw_rsa(key: RSAKey, message: bytes) -> str:
    """What the private key makes of a message as it stands."""
    private: rsa.RSAPrivateKey = key.private_key
    numbers = private.private_numbers()
    modulus = numbers.public_numbers.n
    return encoded(pow(int.from_bytes(message, "big"), numbers.d, modulus).to_bytes(256, "big"))


def hashed(text: str) -> bytes:
    made = hashes.Hash(hashes.SHA256())
    made.update(text.encode())
    return made.finalize()


def padded(info: bytes) -> bytes:
    return b"\0\1" + b"\xff" * (253 - len(info)) + b"\0" + info


PADDINGS: dict[str, Callable[[bytes], bytes]] = {
    "lengthOfSequenceUsesLongFormEncoding": lambda h: padded(b"\x30\x81\x31" + _SHA256[2:] + h),
    "lengthOfSequenceContainsALeading0": lambda h: padded(b"\x30\x82\x00\x31" + _SHA256[2:] + h),
    "lengthOfSequenceUses50InsteadOf49": lambda h: padded(b"\x30\x32" + _SHA256[2:] + h),
    "indefiniteLength": lambda h: padded(b"\x30\x80" + _SHA256[2:] + h + b"\0\0"),
    "appendingGarbageToSequence": lambda h: padded(_SHA256 + h + b"\x05\x00"),
    "incorrectNull": lambda h: padded(_SHA256.replace(b"\x05\x00", b"\x05\x01") + h),
    "removingNull": lambda h: padded(b"\x30\x2f\x30\x0b" + _SHA256[4:15] + b"\x04\x20" + h),
    "wrongOid": lambda h: padded(_SHA256.replace(b"\x02\x01\x05", b"\x02\x03\x05") + h),
    "truncatedOctetString": lambda h: padded(_SHA256 + h[:-1]),
    "withoutAnything": padded,
    "paddingIsTooShort": lambda h: (b"\0\1" + b"\xff" * 8 + b"\0" + _SHA256 + h).ljust(256, b"\0"),
    "paddingIsNotFF": lambda h: padded(_SHA256 + h).replace(b"\xff", b"\xfe", 1),
    "blockType2": lambda h: b"\0\2" + padded(_SHA256 + h)[2:],
}


@pytest.mark.parametrize("fault", PADDINGS)
async def test_a_signature_of_rs256_with_another_padding_is_refused(tmp_path: Path, fault: str) -> None:
    issuer = published(tmp_path, "RS256", KEYS["RS256"])
    text = issuer.sign().rpartition(".")[0]
    assert await issuer.accepts(f"{text}.{raw_rsa(issuer.key, padded(_SHA256 + hashed(text)))}")
    assert not await issuer.accepts(f"{text}.{raw_rsa(issuer.key, PADDINGS[fault](hashed(text)))}")


# All examples may share the folder: each publishes the same key there.
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(1, 255), change=st.integers(1, 255))
async def test_no_byte_of_the_padding_may_be_another(tmp_path: Path, place: int, change: int) -> None:
    issuer = published(tmp_path, "RS256", KEYS["RS256"])
    text = issuer.sign().rpartition(".")[0]
    message = bytearray(padded(_SHA256 + hashed(text)))
    message[place] ^= change
    assert not await issuer.accepts(f"{text}.{raw_rsa(issuer.key, bytes(message))}")


@pytest.mark.parametrize(
    ("mask", "salt", "hashing", "good"),
    [
        (hashes.SHA256(), 32, hashes.SHA256(), True),
        (hashes.SHA256(), 0, hashes.SHA256(), False),
        (hashes.SHA256(), 20, hashes.SHA256(), False),
        (hashes.SHA256(), 33, hashes.SHA256(), False),
        (hashes.SHA1(), 32, hashes.SHA256(), False),
        (hashes.SHA512(), 32, hashes.SHA256(), False),
        (hashes.SHA512(), 32, hashes.SHA512(), False),
    ],
)
async def test_a_signature_of_ps256_with_other_parameters_is_refused(
    tmp_path: Path, mask: Any, salt: int, hashing: Any, good: bool
) -> None:
    issuer = published(tmp_path, "PS256", KEYS["PS256"])
    text = issuer.sign().rpartition(".")[0]
    signed = issuer.key.private_key.sign(text.encode(), padding.PSS(padding.MGF1(mask), salt), hashing)
    assert await issuer.accepts(f"{text}.{encoded(signed)}") == good


@settings(max_examples=300)
@given(text=st.text(max_size=300) | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}"))
@example(encoded(b"[" * 3_000) + ".e30.AA")
@example(encoded([]) + ".e30.AA")
@example(encoded({"alg": ["Ed25519"], "kid": "k"}) + ".e30.AA")
@example(encoded(b'{"alg": ' + b"1" * 5_000 + b"}") + ".e30.AA")
async def test_whatever_is_sent_for_a_token_is_refused_and_is_no_fault_of_ours(text: str) -> None:
    with pytest.raises(Unauthenticated):
        await Verifier(Settings(service="probe"), SystemClock()).principal(f"Bearer {text}")
