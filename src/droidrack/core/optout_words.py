"""The words by which people take themselves off a list, and put themselves on again.

A word counts only as the whole text: "stop" does, "please stop by at six" does not. Case, accents,
punctuation and blanks around make no difference. All languages count together unless a site names
some, because a recipient writes in his own language and not in the site's.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType


class Intent(StrEnum):
    """What a text asks for."""

    STOP = "stop"
    START = "start"


LONGEST = 64
"""Characters of a text that may be a word at all; no entry below is half as long."""

# The English list is that of the CTIA's messaging principles, which carriers enforce. Left out on
# purpose: what answers an everyday question ("no", "yes", Finnish "seis", which is Spanish six).
_STOP = {
    "en": "stop, stop all, stopall, unsubscribe, cancel, end, quit, revoke, opt out, optout, "
    "remove me",
    "de": "stopp, abmelden, abmeldung, abbestellen, austragen, beenden, keine sms",
    "fr": "arrêt, arrêter, arrêtez, désabonner, désabonnement, désinscrire, désinscription, "
    "stop sms",
    "es": "alto, baja, parar, cancelar, detener, dar de baja, darme de baja, no más",
    "it": "ferma, basta, cancella, cancellami, disiscrivi, disiscrivimi, annulla",
    "pt": "pare, parar, sair, cancelar, remover, descadastrar, descadastre",
    "nl": "stoppen, afmelden, uitschrijven, opzeggen",
    "pl": "koniec, rezygnuję, rezygnacja, wypisz, wypisz mnie, anuluj",
    "sv": "sluta, slut, stoppa, avsluta, avregistrera, avbryt",
    "da": "stop, afmeld, afmelding",
    "nb": "stopp, avslutt, meld av, avmeld",
    "fi": "lopeta, peruuta, poista",
    "cs": "konec, odhlásit, zrušit",
    "sk": "koniec, odhlásiť, zrušiť",
    "hu": "leiratkozás, leiratkozom, vége",
    "ro": "dezabonare, oprește, renunț",
    "hr": "odjava, prekini",
    "tr": "dur, iptal, ret",
    "ru": "стоп, отписаться, отписка, отмена",
    "uk": "стоп, відписатися, відписка",
    "el": "στοπ, διακοπή, διαγραφή",
    "ar": "توقف, إلغاء, إيقاف, الغاء الاشتراك",
    "he": "הסר, עצור",
    "hi": "रोकें, बंद करें",
    "id": "berhenti, batal",
    "vi": "hủy, dừng",
    "th": "หยุด, ยกเลิก",
    "zh": "退订, 退訂, 停止, td",
    "ja": "停止, 配信停止",
    "ko": "수신거부, 중지",
}

_START = {
    "en": "start, unstop, opt in, optin, resubscribe",
    "de": "anmelden, wieder anmelden",
    "fr": "reprendre, réabonner, réabonnement",
    "es": "alta, iniciar, comenzar",
    "it": "inizia, riprendi, iscrivimi",
    "pt": "iniciar, voltar",
    "nl": "aanmelden, hervatten",
    "pl": "wznów, zapisz",
    "sv": "starta, börja",
    "da": "tilmeld",
    "nb": "meld på",
    "fi": "aloita",
    "cs": "přihlásit",
    "ru": "старт",
    "el": "έναρξη",
    "ar": "ابدأ",
    "zh": "订阅, 恢复",
}

LANGUAGES = tuple(_STOP)
"""ISO 639-1 codes with words of their own."""

# Letters that Unicode does not take apart into a base and an accent.
_PLAIN = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d"})


@dataclass(frozen=True, slots=True)
class Keywords:
    """The words that count at one site, folded."""

    words: Mapping[str, Intent]

    def intent(self, text: str) -> Intent | None:
        """What a whole text asks for; None: nothing of the kind."""
        return self.words.get(folded(text)) if len(text) <= LONGEST else None


@lru_cache(maxsize=8)  # All phones of a site share one table.
def keywords(
    languages: tuple[str, ...] = (), stop: tuple[str, ...] = (), start: tuple[str, ...] = ()
) -> Keywords:
    """The words of some languages (none named: all) and a site's own. A stop word wins."""
    chosen = languages or LANGUAGES
    words = {
        folded(word): intent
        for intent, table, own in ((Intent.START, _START, start), (Intent.STOP, _STOP, stop))
        for word in (*(w for lang in chosen for w in table.get(lang, "").split(",")), *own)
    }
    return Keywords(MappingProxyType({word: intent for word, intent in words.items() if word}))


def folded(text: str) -> str:
    """Letters and digits only, without case and accents, words one blank apart."""
    apart = unicodedata.normalize("NFKD", text.casefold()).translate(_PLAIN)
    return " ".join("".join(filter(None, map(_kept, apart))).split())


def _kept(char: str) -> str:
    """A letter, digit or vowel sign as it is; nothing for an accent; a blank for the rest."""
    kind = unicodedata.category(char)
    if unicodedata.combining(char) or kind == "Cf":
        return ""
    return char if kind[0] in "LNM" else " "
