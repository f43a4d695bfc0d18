"""What the invented merchant sells: sixty-odd products, most with weight and customs data, some with gaps on purpose.

``PRODUCTS`` is what GetShopProducts answers; sold items refer to it by ProductID. EANs lie in the range for use inside
a company, so they name no real article.
"""

from decimal import Decimal
from typing import Final

from aftersend_sandbox.world.afterbuy_account import AfterbuyItem, Product

FIRST_PRODUCT: Final = 880_001
CUSTOMS_SPELLED: Final = "Hemd „Sonntag“, Leinen"
"""A tariff number and an origin as people write them."""
CUSTOMS_UNCLEAR: Final = "Tuch „Zwei Länder“, Seide"
"""A tariff number that lost a digit, and two origins."""
ODD_CUSTOMS: Final = frozenset({CUSTOMS_SPELLED, CUSTOMS_UNCLEAR})

_SHELF: Final = """
Kaffeebecher „Guten Morgen“ 300 ml|0,34|12,90|69120023|DE
Emaillebecher, hellblau|0,21|9,95|73239400|PL
Teekanne aus Steingut mit Stövchen|1,85|39,90|69120023|PT
Müslischale „Käthe“ 2er-Set|0,92|18,50|69120023|PT
Frühstücksbrettchen aus Buche|0,31|7,49|44191900|DE
Küchenmesser 18 cm, Kirschholzgriff|0,24|49,00|82119200|DE
Gusseiserne Pfanne Ø 28 cm|2,95|54,90|73219000|FR
Brotkasten mit Holzdeckel|2,4|44,95|73239900|DE
Gewürzmühle für grobes Salz|0,38|24,90|82100000|DE
Geschirrtuch, 3 Stück, kariert|0,29|16,95|63029100|PT
Schürze „Grillmeister“|0,26|19,99|62114290|TR
Bienenwachskerze, 20 cm|0,18|8,50|34060000|DE
Duftkerze „Heuwiese & Honig“|0,41|17,90|34060000|DE
Windlicht aus Glas, groß|1,1|22,00|70139900|CZ
Wolldecke 150 × 200 cm, grün|1,35|79,00|63012090|LT
Kissenbezug „Große Blüten“ 50 × 50|0,19|14,95|63041930|PT
Bettwäsche aus Leinen 135 × 200|1,64|119,00|63022900|LT
Badvorleger, weiß|0,88|24,95|63026000|TR
Seife mit Olivenöl, 4 Stück|0,42|11,80|34011100|GR
Haarbürste aus Birnbaumholz|0,12|21,50|96032980|DE
Rasierpinsel „Alter Schwede“|0,09|34,00|96032930|DE
Wanderstiefel Größe 43|1,72|149,90|64039116|IT
Wollsocken, 3 Paar, 39–42|0,24|22,90|61159400|DE
Mütze mit Bommel, Merinowolle|0,11|29,90|65050090|DE
Regenschirm, faltbar, 98 cm|0,39|27,50|66019100|CN
Rucksack 24 l „Schwäbische Alb“|0,98|89,00|42029291|VN
Trinkflasche 0,75 l Edelstahl|0,33|24,90|96170000|CN
Stirnlampe mit Akku|0,14|39,90|85131000|CN
Taschenmesser, sieben Funktionen|0,11|32,00|82119300|CH
Picknickkorb für vier|2,7|69,90|46021990|PL
Gießkanne aus Zink, 9 l|1,95|42,50|73269098|DE
Gartenschere „Scharfer Schnitt“|0,27|36,90|82015000|CH
Samenmischung Bienenwiese, 100 g|0,11|5,95|12092980|DE
Vogelfutterhaus „Spätzle“|2,15|38,00|44219999|DE
Nistkasten für Meisen|1,3|19,90|44219999|DE
Holzeisenbahn, 42 Teile|1,48|49,95|95030035|DE
Kuscheltier Igel „Stachel“|0,17|18,90|95030041|DE
Puzzle „Altstadt“, 1000 Teile|0,79|16,99|95030069|DE
Malkasten mit 24 Farben|0,46|21,00|32139000|DE
Brettspiel „Rüdigers Reise“|1,12|34,95|95049080|DE
Notizbuch A5, kariert, Leinen|0,31|13,90|48201030|DE
Füllfederhalter, Feder M|0,04|28,00|96083000|DE
Kalender „Wälder“ (DIN A3)|0,52|19,80|49100000|DE
Geschenkpapier, 5 Bögen|0,23|7,90|48119000|DE
Schreibtischlampe, Messing|1,67|95,00|94052140|IT
USB-Kabel 2 m, geflochten|0,06|9,99|85444290|CN
Kopfhörerständer aus Eiche|0,44|29,00|44209099|DE
Wanduhr „Bahnhof“ Ø 30 cm|0,83|45,90|91052100|DE
Bilderrahmen 30 × 40, Nussbaum|0,74|23,50|44149000|PL
Spiegel, rund, Ø 60 cm|4,2|89,00|70099200|PL
Fußmatte „Grüß Gott“ (Kokos)|2,05|26,90|57022000|IN
Schlüsselbrett „Daheim“|0,36|17,90||
Ersatzdichtung für Teekanne||2,50||
Aufkleber „Vorsicht, süß!“, 10 Stück||3,90|48211090|DE
Gutscheinkarte im Umschlag||25,00||
Muster: Leinenstoff 10 × 10 cm||0,00||
Überraschungstüte 'Reste' <b>NEU</b> & "limitiert"|0,5|9,90||
Stoffbeutel „Ich & Du“|0,08|6,90|42022290|IN
Dose mit Lebkuchen <Elise>|0,62|14,50|19052090|DE
Sägemehl für Kleintiere, 15 kg|15,2|12,95|44014100|DE
Hemd „Sonntag“, Leinen|0,3|59,00|HS 6205.20.00|China
Tuch „Zwei Länder“, Seide|0,1|39,00|6214100|VN/CN
"""
"""Name, weight in kg, price in EUR, HS code, origin; gaps where merchants leave gaps."""


def _decimal(text: str) -> Decimal | None:
    return Decimal(text.replace(",", ".")) if text else None


def _ean(number: int) -> str:
    """Make a 13-digit EAN of the range 20 to 29, with its check digit."""
    digits = f"24{number:010d}"
    total = sum(int(each) * (3 if place % 2 else 1) for place, each in enumerate(digits))
    return f"{digits}{-total % 10}"


def _product(number: int, line: str) -> Product:
    name, weight, price, hs_code, origin = line.split("|")
    return Product(
        number,
        name,
        weight=_decimal(weight),
        hs_code=hs_code,
        origin=origin,
        ean=_ean(number),
        anr=number - FIRST_PRODUCT + 1001,
        price=_decimal(price) or Decimal(0),
    )


def products() -> dict[int, Product]:
    """Copy the catalogue by ProductID, the two sets at its end."""
    shelf = {
        number: _product(number, line) for number, line in enumerate(_SHELF.strip().splitlines(), start=FIRST_PRODUCT)
    }
    for name, parts in SETS.items():
        number = FIRST_PRODUCT + len(shelf)
        weight = sum(((shelf[part].weight or Decimal(0)) * count for part, count in parts), Decimal(0))
        price = sum((shelf[part].price * count for part, count in parts), Decimal(-5))
        shelf[number] = Product(number, name, weight=weight, ean=_ean(number), anr=number - 880_000, price=price)
    return shelf


SETS: Final[dict[str, list[tuple[int, int]]]] = {
    "Set „Sonntagmorgen“: Teekanne + 4 Becher": [(FIRST_PRODUCT + 2, 1), (FIRST_PRODUCT, 4)],
    "Set „Vogelfreund“: Futterhaus + 2 Nistkästen": [(FIRST_PRODUCT + 33, 1), (FIRST_PRODUCT + 34, 2)],
}
"""Product sets, sold as one item, with (ProductID, quantity) of their parts."""


def sold(product: Product, *, quantity: int = 1) -> AfterbuyItem:
    """Make the item of an order that sells a product; ids, platform and dates come later."""
    return AfterbuyItem(
        item_id=0,
        title=product.name,
        quantity=quantity,
        price=product.price,
        weight=product.weight,
        anr=str(product.anr),
        sku=f"JJ-{product.anr}",
        product_id=product.product_id,
        ean=product.ean,
        set_parts=list(SETS.get(product.name, ())),
    )
