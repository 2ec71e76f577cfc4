"""Raw amenities and images of properties."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from wanderbricks_ml.simulator.columns import joined, stream
from wanderbricks_ml.simulator.raw.drawing import scaled

_AMENITIES = {
    "Basic": "Wi-Fi,Kitchen,Heating,Air conditioning,Washer,Dryer,TV,Iron,Hair dryer,Desk,Crib,Elevator",
    "Outdoor": "Balcony,Terrace,Garden,Barbecue,Parking,Bicycles,Playground,Beach access,Kayaks",
    "Luxury": "Pool,Hot tub,Sauna,Gym,Fireplace,Wine cellar,Home cinema,Butler,Piano",
    "Safety": "Smoke alarm,Gas alarm,First aid kit,Fire extinguisher,Safe,Door camera,Night guard,Fenced pool",
}


def furnishing_tables(properties: pa.Table, seed: int) -> dict[str, pa.Table]:
    """Make amenities, property_amenities and property_images; every property has some of both."""
    rng = stream(seed, "raw_furnishings")
    count = properties.num_rows
    names = [(name, kind) for kind, text in _AMENITIES.items() for name in text.split(",")]
    amenities = {
        "amenity_id": np.arange(1, len(names) + 1),
        "name": [name for name, _ in names],
        "category": [kind for _, kind in names],
        "icon": [name.lower().replace(" ", "-") for name, _ in names],
    }
    choice = rng.permuted(np.tile(np.arange(1, len(names) + 1), (count, 1)), axis=1)
    rank, owner = np.divmod(np.arange(scaled("property_amenities", "properties", count)), count)
    place = properties["property_id"].take(owner)
    property_amenities = {"property_id": place, "amenity_id": choice[owner, rank]}
    rank, owner = np.divmod(np.arange(scaled("property_images", "properties", count)), count)
    place = properties["property_id"].take(owner)
    property_images = {
        "image_id": np.arange(1, len(owner) + 1),
        "property_id": place,
        "url": joined("https://images.example/", place, "/", pa.array(rank + 1), ".jpg"),
        "sequence": (rank + 1).astype(np.int32),
        "is_primary": rank == 0,
        "uploaded_at": properties["created_at"].take(owner),
    }
    return {
        "amenities": pa.table(amenities),
        "property_amenities": pa.table(property_amenities),
        "property_images": pa.table(property_images),
    }
