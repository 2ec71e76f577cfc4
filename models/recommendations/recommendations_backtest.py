def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import backtest

    return backtest(
        session,
        examples=dbt.ref("recommendations_examples"),
        decision=dbt.ref("recommendations_retraining"),
        versions=dbt.ref("property_recommender"),
        experiments=dbt.ref("experiment_state"),
        settings=dbt.config.get("meta"),
    )
