def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import score

    return score(
        session,
        examples=dbt.ref("pricing_examples"),
        champion=dbt.ref("pricing_champion"),
        versions=dbt.ref("pricing_optimizer"),
        settings=dbt.config.get("meta"),
        metrics=dbt.ref("pricing_metrics"),
        targets=dbt.ref("performance_targets"),
        inventory=dbt.ref("model_inventory"),
    )
