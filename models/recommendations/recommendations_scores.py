def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import score

    return score(
        session,
        examples=dbt.ref("recommendations_examples"),
        champion=dbt.ref("recommendations_champion"),
        versions=dbt.ref("property_recommender"),
        settings=dbt.config.get("meta"),
        metrics=dbt.ref("recommendations_metrics"),
        targets=dbt.ref("performance_targets"),
        inventory=dbt.ref("model_inventory"),
    )
