"""The destinations and names that the simulator draws from."""

from __future__ import annotations

from typing import NamedTuple

PROPERTY_TYPES = ("Urban Year-Round", "Summer Getaway", "Historical Place", "Ski Resort")


class Place(NamedTuple):
    """A destination: where it is, when its season peaks and what a night costs there."""

    destination: str
    country: str
    state: str | None
    code: str | None
    latitude: float
    longitude: float
    peak_day: int
    amplitude: float
    price: float
    main_type: str


_URBAN, _SUMMER, _HISTORICAL, _SKI = PROPERTY_TYPES

PLACES = (
    Place("Paris", "France", "Ile-de-France", "IDF", 48.86, 2.35, 175, 0.30, 160, _URBAN),
    Place("Barcelona", "Spain", "Catalonia", "CT", 41.39, 2.17, 200, 0.50, 135, _SUMMER),
    Place("Tokyo", "Japan", "Tokyo", "13", 35.68, 139.69, 100, 0.25, 140, _URBAN),
    Place("Aspen", "United States", "Colorado", "CO", 39.19, -106.82, 40, 0.55, 310, _SKI),
    Place("Rome", "Italy", "Lazio", "62", 41.90, 12.50, 150, 0.35, 130, _HISTORICAL),
    Place("New York", "United States", "New York", "NY", 40.71, -74.01, 290, 0.20, 220, _URBAN),
    Place("London", "United Kingdom", "England", "ENG", 51.51, -0.13, 195, 0.25, 190, _URBAN),
    Place("Sydney", "Australia", "New South Wales", "NSW", -33.87, 151.21, 10, 0.40, 165, _SUMMER),
    Place("Miami", "United States", "Florida", "FL", 25.76, -80.19, 60, 0.35, 190, _SUMMER),
    Place("Lisbon", "Portugal", "Lisbon", "11", 38.72, -9.14, 205, 0.45, 110, _HISTORICAL),
    Place("Singapore", "Singapore", None, None, 1.35, 103.82, 180, 0.10, 175, _URBAN),
    Place("Chamonix", "France", "Auvergne-Rhone-Alpes", "ARA", 45.92, 6.87, 45, 0.55, 210, _SKI),
    Place("Rio de Janeiro", "Brazil", "Rio de Janeiro", "RJ", -22.91, -43.17, 30, 0.45, 95, _SUMMER),
    Place("Amsterdam", "Netherlands", "North Holland", "NH", 52.37, 4.90, 170, 0.35, 180, _URBAN),
    Place("Kyoto", "Japan", "Kyoto", "26", 35.01, 135.77, 105, 0.35, 130, _HISTORICAL),
    Place("Athens", "Greece", "Attica", "I", 37.98, 23.73, 205, 0.50, 100, _HISTORICAL),
    Place("Dubai", "United Arab Emirates", "Dubai", "DU", 25.20, 55.27, 15, 0.40, 200, _URBAN),
    Place("Bangkok", "Thailand", "Bangkok", "10", 13.76, 100.50, 5, 0.30, 70, _URBAN),
    Place("Los Angeles", "United States", "California", "CA", 34.05, -118.24, 200, 0.20, 205, _URBAN),
    Place("Cape Town", "South Africa", "Western Cape", "WC", -33.92, 18.42, 15, 0.50, 90, _SUMMER),
    Place("Vancouver", "Canada", "British Columbia", "BC", 49.28, -123.12, 205, 0.40, 165, _URBAN),
    Place("Whistler", "Canada", "British Columbia", "BC", 50.12, -122.95, 40, 0.50, 240, _SKI),
    Place("Prague", "Czechia", "Prague", "10", 50.08, 14.44, 180, 0.30, 95, _HISTORICAL),
    Place("Vienna", "Austria", "Vienna", "9", 48.21, 16.37, 180, 0.25, 120, _HISTORICAL),
    Place("Innsbruck", "Austria", "Tyrol", "7", 47.27, 11.40, 40, 0.45, 140, _SKI),
    Place("Zermatt", "Switzerland", "Valais", "VS", 46.02, 7.75, 45, 0.50, 290, _SKI),
    Place("Berlin", "Germany", "Berlin", "BE", 52.52, 13.40, 190, 0.25, 115, _URBAN),
    Place("Munich", "Germany", "Bavaria", "BY", 48.14, 11.58, 265, 0.30, 140, _URBAN),
    Place("Copenhagen", "Denmark", "Capital Region", "84", 55.68, 12.57, 195, 0.40, 165, _URBAN),
    Place("Dublin", "Ireland", "Leinster", "L", 53.35, -6.26, 200, 0.35, 155, _URBAN),
    Place("Edinburgh", "United Kingdom", "Scotland", "SCT", 55.95, -3.19, 220, 0.45, 150, _HISTORICAL),
    Place("Nice", "France", "Provence-Alpes-Cote d'Azur", "PAC", 43.70, 7.27, 205, 0.60, 150, _SUMMER),
    Place("Palma", "Spain", "Balearic Islands", "IB", 39.57, 2.65, 210, 0.75, 140, _SUMMER),
    Place("Dubrovnik", "Croatia", "Dubrovnik-Neretva", "19", 42.65, 18.09, 210, 0.80, 120, _SUMMER),
    Place("Istanbul", "Turkey", "Istanbul", "34", 41.01, 28.98, 185, 0.30, 80, _HISTORICAL),
    Place("Marrakesh", "Morocco", "Marrakesh-Safi", "07", 31.63, -8.01, 100, 0.30, 75, _HISTORICAL),
    Place("Mexico City", "Mexico", "Mexico City", "CMX", 19.43, -99.13, 320, 0.15, 80, _URBAN),
    Place("Cancun", "Mexico", "Quintana Roo", "ROO", 21.16, -86.85, 50, 0.40, 125, _SUMMER),
    Place("Buenos Aires", "Argentina", "Buenos Aires", "C", -34.60, -58.38, 330, 0.25, 70, _URBAN),
    Place("Queenstown", "New Zealand", "Otago", "OTA", -45.03, 168.66, 210, 0.35, 170, _SKI),
    Place("Honolulu", "United States", "Hawaii", "HI", 21.31, -157.86, 190, 0.25, 230, _SUMMER),
    Place("Seoul", "South Korea", "Seoul", "11", 37.57, 126.98, 280, 0.20, 105, _URBAN),
)

COUNTRIES = tuple(dict.fromkeys(place.country for place in PLACES))

FIRST_NAMES = (
    "Ada", "Amir", "Ana", "Anton", "Aya", "Ben", "Carla", "Chen", "Clara", "Daniel", "Elena",
    "Emma", "Felix", "Grace", "Hana", "Hugo", "Ines", "Ivan", "Jana", "Jonas", "Kofi", "Laura",
    "Leo", "Lina", "Lucas", "Maria", "Mei", "Mila", "Noah", "Nora", "Olga", "Omar", "Paula",
    "Priya", "Rosa", "Sam", "Sara", "Tom", "Yuki", "Zoe",
)  # fmt: skip

LAST_NAMES = (
    "Adams", "Almeida", "Bauer", "Bianchi", "Brown", "Chen", "Costa", "Dubois", "Evans", "Fischer",
    "Garcia", "Hansen", "Haddad", "Ito", "Jansen", "Jones", "Kaya", "Khan", "Kim", "Kowalski",
    "Larsen", "Lopez", "Martin", "Meyer", "Mokoena", "Moreau", "Nguyen", "Novak", "Okafor",
    "Papadakis", "Patel", "Rossi", "Sato", "Schmidt", "Silva", "Smith", "Tanaka", "Walker",
    "Weber", "Wilson",
)  # fmt: skip

COMPANIES = (
    "Alder Consulting", "Bluewater Logistics", "Cobalt Systems", "Delta Print", "Ember Media",
    "Fjord Analytics", "Granite Partners", "Harbour Foods", "Iris Health", "Juniper Retail",
)  # fmt: skip
