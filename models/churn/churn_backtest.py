def model(dbt, session):
    from wanderbricks_ml.lifecycle.predicting import backtest

    return backtest(
        session,
        examples=dbt.ref("churn_examples"),
        decision=dbt.ref("churn_retraining"),
        versions=dbt.ref("churn_predictor"),
        experiments=dbt.ref("experiment_state"),
        settings=dbt.config.get("meta"),
    )
