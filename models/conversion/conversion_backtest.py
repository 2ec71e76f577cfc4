def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import backtest

    return backtest(
        session,
        examples=dbt.ref("conversion_examples"),
        decision=dbt.ref("conversion_retraining"),
        versions=dbt.ref("conversion_predictor"),
        experiments=dbt.ref("experiment_state"),
        settings=dbt.config.get("meta"),
    )
